a = templatestring(<<EOT
x
  ${  y  }
EOT
, {a=1})
b = [<<X
x
X
, 2]
