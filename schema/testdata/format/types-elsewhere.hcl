sink "a" {
type="list"
}
variable "a" {
validation {
type="list"
condition=var.a>0
}
}
type="string"
