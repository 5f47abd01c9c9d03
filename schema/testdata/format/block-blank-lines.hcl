


decnet {


  name = "x"


}



decky "a" {}


