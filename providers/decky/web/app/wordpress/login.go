package wordpress

import (
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/decnet/decnet/providers/decky/web/app"
)

// login is wp-login.php.
func (b *blog) login(v *app.Visit) *app.Reply {
	switch v.Param("action") {
	case "logout":
		if id := v.Cookie(b.cookie()); id != "" {
			_ = b.env.Sessions.Drop(id) // a store that is full keeps it until it is idle
		}
		return uncached(app.Redirect(b.base(v) + "/wp-login.php?loggedout=true&wp_lang=en_US"))
	case "lostpassword":
		return b.form(v, `<p class="message">Please enter your username or email address. You will receive an email message with instructions on how to reset your password.</p>`, "")
	case "register":
		return app.Redirect(b.base(v) + "/wp-login.php?registration=disabled")
	}
	if v.Method != "POST" {
		return b.form(v, "", v.Param("redirect_to"))
	}
	f := v.Form()
	user, secret := f.Get("log"), f.Get("pwd")
	switch {
	case user == "" && secret == "":
		return b.form(v, "", f.Get("redirect_to"))
	case user == "":
		return b.form(v, failure("<strong>Error:</strong> The username field is empty."), f.Get("redirect_to"))
	case secret == "":
		return b.form(v, failure("<strong>Error:</strong> The password field is empty."), f.Get("redirect_to"))
	}
	in := b.env.Allowed(user, secret)
	v.Attempt("form", user, secret, in)
	if !in {
		return b.form(v, b.refusal(v, user), f.Get("redirect_to"))
	}
	id := user + "|" + fmt.Sprint(v.Now.Add(idle).Unix()) + "|" + app.Letters(43, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") + "|" + app.Token(32)
	id = url.QueryEscape(id)
	if err := b.env.Sessions.Put(app.Session{ID: id, User: user}, v.Now); err != nil {
		b.env.Log.Warn("session is not kept", "error", err)
	}
	to := f.Get("redirect_to")
	if !strings.HasPrefix(to, b.base(v)+"/") {
		to = b.base(v) + "/wp-admin/"
	}
	return uncached(app.Redirect(to)).
		SetCookie("wordpress_"+b.hash, id, "path=/wp-content/plugins; HttpOnly").
		SetCookie("wordpress_"+b.hash, id, "path=/wp-admin; HttpOnly").
		SetCookie(b.cookie(), id, "path=/; HttpOnly")
}

// cookie is the name of the cookie that says who is logged in.
func (b *blog) cookie() string { return "wordpress_logged_in_" + b.hash }

// refusal is what a wrong login is told: WordPress tells whether the user
// exists.
func (b *blog) refusal(v *app.Visit, user string) string {
	shown := html.EscapeString(user)
	for name := range b.env.Users {
		if strings.EqualFold(name, user) {
			return failure("<strong>Error:</strong> The password you entered for the username <strong>" + shown + "</strong> is incorrect. <a href=\"" + b.base(v) + "/wp-login.php?action=lostpassword\">Lost your password?</a>")
		}
	}
	if strings.Contains(user, "@") {
		return failure("Unknown email address. Check again or try your username.")
	}
	return failure("<strong>Error:</strong> The username <strong>" + shown + "</strong> is not registered on this site. If you are unsure of your username, try your email address instead.")
}

func failure(text string) string { return "<div id=\"login_error\">" + text + "<br />\n</div>" }

// form is the page of the login.
func (b *blog) form(v *app.Visit, message, to string) *app.Reply {
	if to == "" {
		to = b.base(v) + "/wp-admin/"
	}
	user := ""
	if v.Method == "POST" {
		user = v.Form().Get("log")
	}
	body := "<div id=\"login\">\n<h1><a href=\"https://wordpress.org/\">Powered by WordPress</a></h1>\n" + message +
		"<form name=\"loginform\" id=\"loginform\" action=\"" + b.base(v) + "/wp-login.php\" method=\"post\">\n" +
		"<p><label for=\"user_login\">Username or Email Address</label>\n<input type=\"text\" name=\"log\" id=\"user_login\" class=\"input\" value=\"" + html.EscapeString(user) + "\" size=\"20\" autocapitalize=\"off\" autocomplete=\"username\" required=\"required\" /></p>\n" +
		"<p><label for=\"user_pass\">Password</label>\n<input type=\"password\" name=\"pwd\" id=\"user_pass\" class=\"input password-input\" value=\"\" size=\"20\" autocomplete=\"current-password\" required=\"required\" /></p>\n" +
		"<p class=\"forgetmenot\"><input name=\"rememberme\" type=\"checkbox\" id=\"rememberme\" value=\"forever\" /> <label for=\"rememberme\">Remember Me</label></p>\n" +
		"<p class=\"submit\"><input type=\"submit\" name=\"wp-submit\" id=\"wp-submit\" class=\"button button-primary button-large\" value=\"Log In\" />\n" +
		"<input type=\"hidden\" name=\"redirect_to\" value=\"" + html.EscapeString(to) + "\" />\n<input type=\"hidden\" name=\"testcookie\" value=\"1\" /></p>\n</form>\n" +
		"<p id=\"nav\"><a class=\"wp-login-lost-password\" href=\"" + b.base(v) + "/wp-login.php?action=lostpassword\">Lost your password?</a></p>\n</div>"
	r := app.HTML(200, "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n<title>Log In &lsaquo; "+html.EscapeString(b.title)+" &#8212; WordPress</title>\n<meta name='robots' content='max-image-preview:large, noindex, noarchive' />\n</head>\n<body class=\"login no-js login-action-login wp-core-ui locale-en-us\">\n"+body+"\n</body>\n</html>\n")
	r.Type = "text/html; charset=UTF-8"
	return uncached(r).With("X-Frame-Options", "SAMEORIGIN").With("Referrer-Policy", "strict-origin-when-cross-origin").SetCookie("wordpress_test_cookie", "WP%20Cookie%20check", "path=/; HttpOnly")
}

// admin is what lies behind the login.
func (b *blog) admin(v *app.Visit) *app.Reply {
	if v.Path == "/wp-admin/admin-ajax.php" {
		r := app.HTML(400, "0")
		r.Type = "text/html; charset=UTF-8"
		return uncached(r).With("X-Robots-Tag", "noindex").With("X-Content-Type-Options", "nosniff")
	}
	session, ok := b.env.Sessions.Get(v.Cookie(b.cookie()), v.Now, idle)
	if !ok || session.User == "" {
		return uncached(app.Redirect(b.base(v) + "/wp-login.php?redirect_to=" + url.QueryEscape(b.base(v)+v.Path) + "&reauth=1"))
	}
	body := "<h1>Dashboard</h1>\n<p>Howdy, " + html.EscapeString(session.User) + "</p>"
	switch files := v.Files(); {
	case len(files) > 0 && strings.Contains(v.Path+v.Query, "plugin"):
		body = "<h1>Installing plugin from uploaded file: " + html.EscapeString(files[0].Name) + "</h1>\n<p>Unpacking the package…</p>\n<p>The package could not be installed. PCLZIP_ERR_BAD_FORMAT (-10) : Unable to find End of Central Dir Record signature</p>\n<p>Plugin installation failed.</p>"
	case len(files) > 0:
		body = "<h1>Upload New Media</h1>\n<p>Sorry, you are not allowed to upload this file type.</p>"
	case strings.Contains(v.Path, "plugin-install"), strings.Contains(v.Path, "media-new"):
		body = "<h1>Add</h1>\n<form method=\"post\" enctype=\"multipart/form-data\" action=\"/wp-admin/update.php?action=upload-plugin\"><input type=\"file\" name=\"pluginzip\" accept=\".zip\" /><input type=\"submit\" value=\"Install Now\" /></form>"
	case v.Path != "/wp-admin/" && v.Path != "/wp-admin/index.php" && v.Path != "/wp-admin/profile.php" && v.Path != "/wp-admin/plugins.php" && v.Path != "/wp-admin/users.php":
		return b.Error(v, 404)
	}
	r := app.HTML(200, "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head>\n<title>Dashboard ‹ "+html.EscapeString(b.title)+" — WordPress</title>\n</head>\n<body class=\"wp-admin wp-core-ui\">\n<ul id=\"adminmenu\"><li><a href=\"/wp-admin/\">Dashboard</a></li><li><a href=\"/wp-admin/plugins.php\">Plugins</a></li><li><a href=\"/wp-admin/plugin-install.php\">Add New Plugin</a></li><li><a href=\"/wp-admin/users.php\">Users</a></li><li><a href=\"/wp-login.php?action=logout\">Log Out</a></li></ul>\n"+body+"\n</body>\n</html>\n")
	r.Type = "text/html; charset=UTF-8"
	return uncached(r).With("X-Frame-Options", "SAMEORIGIN").With("Referrer-Policy", "strict-origin-when-cross-origin")
}
