a=var.x
b=local.y.z
c = each.value["k"].list[0]
d=path.module
