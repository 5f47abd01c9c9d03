a = <<EOT
  kept   as is
	x = ${ var.x }
EOT
b=1
c = <<-EOT
    indented
      more
    EOT
longer=2
