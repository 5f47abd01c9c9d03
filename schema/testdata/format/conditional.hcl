a = b ?c: d
e=var.x!=null?var.x:"y"
f = (
  a ?
   b :
c
)
g=!a&&!b||c
