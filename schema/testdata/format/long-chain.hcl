a = flatten([for n, v in var.x : [for m in v : {name=n,value=m}]])
b = try(var.a.b.c,lookup(var.d,"e",null),"f")
