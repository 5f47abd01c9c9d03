a = "%{ if x }y%{ else }z%{ endif }"
b="%{for x in l}${x},%{endfor}"
c = "%{~ if x ~} a %{~ endif ~}"
