# A network of two.
decnet {
name="x"
  seed   = "calm"
}
variable "n" {
type=number
default=2
validation {
condition=var.n>0&&var.n<10
error_message="between 1 and 9"
}
}
locals{
names=[for i in range(var.n):format("h-%02d",i)]
  users = {
   root="toor" # weak
  admin  = "admin"
}
}
decky "a" {
for_each=toset(local.names)
network   = network.lab
hostname="${each.key}"
service "ssh" {users=local.users}
dynamic "service" {
for_each=var.extra
labels = [service.key]
content {
port=service.value
}
}
}
