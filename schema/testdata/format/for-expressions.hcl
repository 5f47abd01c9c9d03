a=[for x in var.l:upper(x)]
b = [ for i,x in var.l : "${i}-${x}" if x!="" ]
c={for k,v in var.m:k=>v...}
d = {
for k,v in var.m:
k=>v
  if v != null
}
e=[
for x in l: {
name=x
 longer=1
}
]
