decnet {
}
network "a" {

}
network "b" {


  # nothing

}
