# decnet test runs this in a lab of its own, without root.

run "plans_five" {
  command = plan

  assert {
    condition     = length(output.ssh_ips) == 2
    error_message = "There should be two jump hosts."
  }
  assert {
    condition     = alltrue([for ip in concat(output.ssh_ips, [output.web_ip]) : startswith(ip, "10.77.0.")])
    error_message = "A decky stands outside of the lab's subnet."
  }
}

run "answers_like_the_real_thing" {
  probe "tcp" {
    target        = decky.linux
    port          = 22
    expect_banner = "^SSH-2.0-OpenSSH"
  }

  probe "tcp" {
    target        = decky.web
    port          = 23
    expect_closed = true
  }

  probe "http" {
    target = decky.web
    path   = "/"

    assert {
      condition     = probe.status == 200 && strcontains(probe.body, "Intranet")
      error_message = "The web server does not show its page."
    }
    assert {
      condition     = probe.header_order[0] == "Server" && startswith(probe.headers["server"], "nginx")
      error_message = "The headers are not nginx's."
    }
  }
}

run "takes_the_weak_password_and_tells" {
  probe "ssh" {
    target   = decky.ssh[1]
    user     = "root"
    password = "toor"
    command  = "id -un"

    assert {
      condition     = probe.login && trimspace(probe.output) == "root"
      error_message = "root cannot log in."
    }
    assert {
      condition     = [for e in events : e.command if e.kind == "command"] == ["id -un"]
      error_message = "The command was not recorded."
    }
  }

  assert {
    condition     = length([for e in events : e if e.kind == "auth.attempt" && e.success]) == 1
    error_message = "One login should have succeeded."
  }
  assert {
    condition     = [for e in events : e.password if e.kind == "auth.attempt"] == ["toor"]
    error_message = "The password was not recorded."
  }
}
