variable "a" {
type=" string"
}
variable "b" {
type = list # of what
}
variable "c" {
type="${string}"
}
variable "d" {
type="string "
}
variable "e" {
type=( string )
}
