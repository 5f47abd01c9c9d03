a = "x ${  y  } z"
b="${a}${ b }"
c = "${a+b}x"
