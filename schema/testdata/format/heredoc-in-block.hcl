decky "a" {
motd = <<EOT
welcome   home
  EOT2
 EOT3
EOT
ip="10.0.0.1"
}
