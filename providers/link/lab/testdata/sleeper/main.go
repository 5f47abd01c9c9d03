// Command sleeper waits to be killed.
package main

import "time"

func main() {
	for {
		time.Sleep(time.Hour)
	}
}
