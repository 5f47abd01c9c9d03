a="${var.x}-${var.y}"
b = "x${var.x}"
c=["${var.x}"]
d = {a="${var.x}"}
e=f("${var.x}")
g = "${"${x}"}y"
