a=format("%s-%04d",var.x,1200+count.index)
b = merge( {a=1} , {b=2} )
c=concat(
[1],
  [2],
      )
d = max(var.l ...)
e=cidrhost( "10.0.0.0/8" ,-2 )
