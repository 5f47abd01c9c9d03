decky "a" {
		ip = "10.0.0.1"
	service "x" {
				y = 1
	}
}
