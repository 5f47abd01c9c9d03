a = {"${var.k}" = 1, "${var.k}-x"=2}
b = {
"${var.k}"=1
longer = 2
}
