output "ip" {value=decky.web.ip}
output   "b"   {   value   =   1   }
locals {}
locals{ }
