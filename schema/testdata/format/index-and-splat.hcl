a=decky.web[0].ip
b = decky.web[ * ].ip
c=decky.web.*.ip
d = m [ "k" ]
e=decky.web["a" ] . service
f = a.0
