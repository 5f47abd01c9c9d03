decky "web" {
network=network.office
    archetype   = "web-server"
service "http" {
title="Intranet"
  lifecycle {
 ignore_changes=[title]
}
}
}
