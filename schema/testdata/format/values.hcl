parent="eth0"
subnets=["10.0.0.0/24","10.0.1.0/24"]
users={root="toor",  admin = "admin"}
count=3
enabled=true
nothing=null
