a = "${
  foo
}"
b="${a ? b
 : c}"
c = "${(a ? b
 : c)}"
d="${[
1,
]}"
e = "${f(
1
)}"
f = "${<<EOT
x
EOT
}"
