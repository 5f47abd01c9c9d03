variable "a" {
type = object({
name=string
ports = list( number )
more=map(object({
x=bool
}))
})
description="x"
}
