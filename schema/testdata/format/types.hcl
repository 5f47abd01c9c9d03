variable "a" {
type="string"
}
variable "b" {
 type = "list"
default=[]
}
variable "c" { type = "map" }
variable d {
type=list
}
variable "e" {
type=map
}
variable "f" {
type = set
}
variable "g" {
type=list(string)
}
variable "h" {
type=object({a=string,b=optional(number,1)})
}
variable "i" {
type="number"
}
variable "j" {
type = any
}
