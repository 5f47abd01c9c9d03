package wordpress

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/decnet/decnet/providers/decky/web/app"
)

// Of an XML-RPC call only its name and its plain values are looked at.
var (
	methodName = regexp.MustCompile(`<methodName>\s*([\w.]{1,80})\s*</methodName>`)
	plainValue = regexp.MustCompile(`<value>\s*(?:<string>)?([^<]{0,256})`)
)

// maxCalls is how many logins of one system.multicall are answered.
const maxCalls = 256

// xmlrpc is the interface that brute forcers like best.
func (b *blog) xmlrpc(v *app.Visit) *app.Reply {
	if v.Method != "POST" {
		r := app.HTML(405, "XML-RPC server accepts POST requests only.")
		r.Type = "text/plain;charset=UTF-8"
		return r.With("Allow", "POST")
	}
	body := string(v.Body)
	names := methodName.FindAllStringSubmatch(body, 1)
	if names == nil {
		return rpcFault(-32700, "parse error. not well formed")
	}
	name := names[0][1]
	note(v, "xmlrpc", name)
	values := plainValue.FindAllStringSubmatch(body, 4*maxCalls)
	switch {
	case name == "system.listMethods":
		list := ""
		for _, m := range []string{"system.multicall", "system.listMethods", "system.getCapabilities", "demo.addTwoNumbers", "demo.sayHello", "pingback.ping", "wp.getUsersBlogs", "wp.getPosts", "wp.uploadFile", "metaWeblog.newPost"} {
			list += "  <value><string>" + m + "</string></value>\n"
		}
		return rpc("<array><data>\n" + list + "</data></array>")
	case name == "demo.sayHello":
		return rpc("<string>Hello!</string>")
	case name == "system.multicall":
		return b.multicall(v, values)
	case name == "pingback.ping":
		return rpcFault(0, "")
	case strings.HasPrefix(name, "wp."), strings.HasPrefix(name, "metaWeblog."), strings.HasPrefix(name, "blogger."):
		plain := texts(values)
		if len(plain) > 2 { // a blog's number comes first
			plain = plain[len(plain)-2:]
		}
		if len(plain) < 2 {
			return rpcFault(400, "Insufficient arguments passed to this XML-RPC method.")
		}
		if b.attempt(v, plain[0], plain[1]) {
			return rpc("<array><data>\n<value><struct><member><name>isAdmin</name><value><boolean>1</boolean></value></member><member><name>blogName</name><value><string>" + strings.NewReplacer("<", "&lt;", "&", "&amp;").Replace(b.title) + "</string></value></member></struct></value>\n</data></array>")
		}
		return rpcFault(403, "Incorrect username or password.")
	}
	return rpcFault(-32601, "server error. requested method "+name+" does not exist.")
}

func texts(values [][]string) (plain []string) {
	for _, v := range values {
		if text := strings.TrimSpace(v[1]); text != "" {
			plain = append(plain, text)
		}
	}
	return plain
}

func (b *blog) attempt(v *app.Visit, user, secret string) bool {
	in := b.env.Allowed(user, secret)
	v.Attempt("xmlrpc", user, secret, in)
	return in
}

// multicall tries many logins at once; after the first wrong one WordPress
// refuses the others of the call unseen, but all go on record.
func (b *blog) multicall(v *app.Visit, values [][]string) *app.Reply {
	plain, answers := texts(values), ""
	for i := 0; i+2 < len(plain); i++ {
		if !strings.Contains(plain[i], ".") || strings.ContainsAny(plain[i], " /") {
			continue
		}
		b.attempt(v, plain[i+1], plain[i+2])
		answers += "<value><struct><member><name>faultCode</name><value><int>403</int></value></member><member><name>faultString</name><value><string>Incorrect username or password.</string></value></member></struct></value>\n"
		i += 2
	}
	return rpc("<array><data>\n" + answers + "</data></array>")
}

func rpc(value string) *app.Reply {
	r := app.HTML(200, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse>\n  <params>\n    <param>\n      <value>\n      "+value+"\n      </value>\n    </param>\n  </params>\n</methodResponse>\n")
	r.Type = "text/xml; charset=UTF-8"
	return r
}

func rpcFault(code int, text string) *app.Reply {
	r := app.HTML(200, fmt.Sprintf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse>\n  <fault>\n    <value>\n      <struct>\n        <member>\n          <name>faultCode</name>\n          <value><int>%d</int></value>\n        </member>\n        <member>\n          <name>faultString</name>\n          <value><string>%s</string></value>\n        </member>\n      </struct>\n    </value>\n  </fault>\n</methodResponse>\n", code, text))
	r.Type = "text/xml; charset=UTF-8"
	return r
}

// rest is /wp-json.
func (b *blog) rest(v *app.Visit) *app.Reply {
	path := strings.TrimSuffix(strings.TrimPrefix(v.Path, "/wp-json"), "/")
	answer := func(status int, value any) *app.Reply {
		data, err := json.Marshal(value)
		if err != nil {
			return nil
		}
		r := app.HTML(status, string(data))
		r.Type = "application/json; charset=UTF-8"
		return r.With("X-Robots-Tag", "noindex").With("Link", "<"+b.base(v)+"/wp-json/>; rel=\"https://api.w.org/\"").
			With("X-Content-Type-Options", "nosniff").With("Access-Control-Expose-Headers", "X-WP-Total, X-WP-TotalPages, Link").With("Allow", "GET")
	}
	type status struct {
		Status int `json:"status"`
	}
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Data    status `json:"data"`
	}
	switch path {
	case "":
		return answer(200, map[string]any{"name": b.title, "description": "", "url": b.base(v), "home": b.base(v), "gmt_offset": "0", "timezone_string": "", "namespaces": []string{"oembed/1.0", "wp/v2", "wp-site-health/v1", "wp-block-editor/v1"}})
	case "/wp/v2/posts":
		var list []map[string]any
		for i := len(b.posts) - 1; i >= 0; i-- {
			p := b.posts[i]
			list = append(list, map[string]any{"id": p.id, "date": p.at.UTC().Format("2006-01-02T15:04:05"), "slug": p.slug, "status": "publish", "type": "post", "link": b.base(v) + "/" + p.slug + "/", "title": map[string]string{"rendered": p.head}, "author": 1})
		}
		return answer(200, list)
	case "/wp/v2/users":
		if len(b.env.Users) == 0 {
			return answer(200, []any{})
		}
		return answer(200, []map[string]any{{"id": 1, "name": b.author(), "url": "", "description": "", "link": b.base(v) + "/author/" + b.author() + "/", "slug": b.author()}})
	}
	return answer(404, problem{"rest_no_route", "No route was found matching the URL and request method.", status{404}})
}
