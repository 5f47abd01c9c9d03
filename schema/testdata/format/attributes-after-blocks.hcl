decky "a" {
service "ssh" {}
ip="10.0.0.1"
service "http" {
}
longer_name=1
x=2 # c
}
