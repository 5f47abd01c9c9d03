// Package wordpress is a weblog that runs WordPress: its front page, the login,
// XML-RPC, the REST interface and, behind the login, uploads. Names of fields,
// cookies, headers and the texts of refusals are WordPress 6's (developer
// documentation and a default installation); the pages are of our own making.
package wordpress

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/schema/event"
)

const (
	version = "6.4.3"
	idle    = 48 * time.Hour // of a session that is not remembered
)

// blog is one decky's.
type blog struct {
	env   app.Env
	title string
	hash  string // COOKIEHASH: the MD5 of the site's URL, as long as one
	posts []post
}

type post struct {
	id   int
	slug string
	head string
	text string
	at   time.Time
}

// Open makes the weblog of one decky.
func Open(env app.Env) (app.App, error) {
	p := persona.New(env.Host)
	b := &blog{env: env, title: env.Title, hash: strings.ReplaceAll(p.UUID("wordpress/site"), "-", "")}
	if b.title == "" {
		b.title = "Intranet News"
		if env.Host.Domain != "" {
			b.title = env.Host.Domain
		}
	}
	began := p.Boot(env.Now()).Add(-time.Duration(p.Number("wordpress/age", 40, 400)) * 24 * time.Hour)
	topics := []post{
		{slug: "hello-world", head: "Hello world!", text: "Welcome to WordPress. This is your first post. Edit or delete it, then start writing!"},
		{slug: "maintenance-window", head: "Maintenance window", text: "The file server will be restarted on Sunday between 06:00 and 07:00."},
		{slug: "new-printers", head: "New printers on the second floor", text: "Two printers have been replaced. Drivers are on the share as usual."},
		{slug: "vpn-certificates", head: "VPN certificates", text: "Certificates that end this quarter are renewed by the help desk."},
	}
	for i, t := range topics {
		t.id = 1 + i*int(p.Number("wordpress/step", 3, 9))
		t.at = began.Add(time.Duration(p.Number("wordpress/post/"+t.slug, int64(i)*240, int64(i)*240+200)) * time.Hour)
		b.posts = append(b.posts, t)
	}
	return b, nil
}

// Info implements app.App.
func (b *blog) Info() app.Info { return app.Info{Powered: "PHP/8.2.7"} }

// Serve implements app.App.
func (b *blog) Serve(v *app.Visit) *app.Reply {
	switch path := strings.TrimSuffix(v.Path, "index.php"); {
	case path == "/":
		return b.front(v)
	case v.Path == "/wp-login.php":
		return b.login(v)
	case v.Path == "/xmlrpc.php":
		return b.xmlrpc(v)
	case v.Path == "/wp-cron.php":
		return app.HTML(200, "")
	case v.Path == "/readme.html":
		return app.HTML(200, page("WordPress › ReadMe", "<h1>WordPress</h1>\n<p>Semantic Personal Publishing Platform</p>"))
	case v.Path == "/feed/":
		return b.feed(v)
	case v.Path == "/wp-content/" || v.Path == "/wp-content/plugins/" || v.Path == "/wp-content/themes/":
		return app.HTML(200, "") // an empty index.php guards each
	case strings.HasPrefix(v.Path, "/wp-json"):
		return b.rest(v)
	case strings.HasPrefix(v.Path, "/wp-admin"):
		return b.admin(v)
	}
	for _, p := range b.posts {
		if v.Path == "/"+p.slug+"/" {
			return b.decorate(v, app.HTML(200, b.frame(p.head+" – "+b.title, article(p))))
		}
	}
	return b.Error(v, 404)
}

// Error implements app.ErrorPages: a theme has a page for what is not found.
func (b *blog) Error(v *app.Visit, status int) *app.Reply {
	if status != 404 {
		return nil
	}
	r := app.HTML(404, b.frame("Page not found – "+b.title, "<h1>Page Not Found</h1>\n<p>The page you are looking for does not exist, or it has been moved.</p>"))
	return uncached(b.decorate(v, r))
}

func (b *blog) front(v *app.Visit) *app.Reply {
	if author := v.Param("author"); author != "" {
		if author == "1" && len(b.env.Users) > 0 {
			return app.Redirect(b.base(v) + "/author/" + b.author() + "/")
		}
		return b.Error(v, 404)
	}
	if id := v.Param("p"); id != "" {
		for _, p := range b.posts {
			if fmt.Sprint(p.id) == id {
				r := app.Redirect(b.base(v) + "/" + p.slug + "/")
				r.Status = 301
				return r
			}
		}
		return b.Error(v, 404)
	}
	var text strings.Builder
	if s := v.Param("s"); s != "" {
		fmt.Fprintf(&text, "<h1>Search Results for: “%s”</h1>\n", html.EscapeString(s))
	}
	for i := len(b.posts) - 1; i >= 0; i-- {
		text.WriteString(article(b.posts[i]))
	}
	return b.decorate(v, app.HTML(200, b.frame(b.title, text.String())))
}

// author is the login name that the first user's archive shows.
func (b *blog) author() string {
	first := ""
	for name := range b.env.Users {
		if first == "" || name < first {
			first = name
		}
	}
	return url.PathEscape(strings.ToLower(first))
}

func (b *blog) base(v *app.Visit) string {
	scheme := "http"
	if v.Secure {
		scheme = "https"
	}
	host := v.Host
	if host == "" {
		host = b.env.Host.IP
	}
	return scheme + "://" + host
}

// decorate adds the headers of every page of the theme.
func (b *blog) decorate(v *app.Visit, r *app.Reply) *app.Reply {
	r.Type = "text/html; charset=UTF-8"
	return r.With("Link", "<"+b.base(v)+"/wp-json/>; rel=\"https://api.w.org/\"")
}

func uncached(r *app.Reply) *app.Reply {
	return r.With("Expires", "Wed, 11 Jan 1984 05:00:00 GMT").With("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private")
}

func (b *blog) frame(title, body string) string {
	return "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head>\n<meta charset=\"UTF-8\" />\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n<title>" + html.EscapeString(title) +
		"</title>\n<meta name=\"generator\" content=\"WordPress " + version + "\" />\n<link rel='stylesheet' id='wp-block-library-css' href='/wp-includes/css/dist/block-library/style.min.css?ver=" + version + "' media='all' />\n</head>\n<body class=\"home blog wp-embed-responsive\">\n<header><p><a href=\"/\" rel=\"home\">" +
		html.EscapeString(b.title) + "</a></p></header>\n<main>\n" + body + "</main>\n<footer><p>Proudly powered by <a href=\"https://wordpress.org\" rel=\"nofollow\">WordPress</a></p></footer>\n</body>\n</html>\n"
}

func page(title, body string) string {
	return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n<title>" + title + "</title>\n</head>\n<body>\n" + body + "\n</body>\n</html>\n"
}

func article(p post) string {
	return fmt.Sprintf("<article class=\"post-%d post type-post status-publish\">\n<h2><a href=\"/%s/\">%s</a></h2>\n<time datetime=\"%s\">%s</time>\n<p>%s</p>\n</article>\n",
		p.id, p.slug, html.EscapeString(p.head), p.at.UTC().Format("2006-01-02T15:04:05+00:00"), p.at.UTC().Format("January 2, 2006"), html.EscapeString(p.text))
}

func (b *blog) feed(v *app.Visit) *app.Reply {
	var items strings.Builder
	for i := len(b.posts) - 1; i >= 0; i-- {
		p := b.posts[i]
		fmt.Fprintf(&items, "\t<item>\n\t\t<title>%s</title>\n\t\t<link>%s/%s/</link>\n\t\t<pubDate>%s</pubDate>\n\t</item>\n", html.EscapeString(p.head), b.base(v), p.slug, p.at.UTC().Format(time.RFC1123Z))
	}
	r := app.HTML(200, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\">\n<channel>\n\t<title>"+html.EscapeString(b.title)+"</title>\n\t<link>"+b.base(v)+"</link>\n\t<generator>https://wordpress.org/?v="+version+"</generator>\n"+items.String()+"</channel>\n</rss>\n")
	r.Type = "application/rss+xml; charset=UTF-8"
	return r
}

// note records a line of what was tried beyond logging in.
func note(v *app.Visit, technique, data string) {
	v.Note(&event.Scan{Technique: technique, Data: event.Text(data).Clip(4096)})
}
