package apache

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// listing is mod_autoindex with Debian's IndexOptions.
func (f *Face) listing(x *web.Exchange, dir *site.Entry) *answer {
	waiting := f.waits(x)
	if wrong := f.take(x); wrong != nil {
		return wrong
	}
	column, order := byte('N'), byte('A')
	for pair := range strings.FieldsFuncSeq(x.Request.Query, func(r rune) bool { return r == ';' || r == '&' }) {
		key, value, _ := strings.Cut(pair, "=")
		switch {
		case key == "C" && len(value) == 1 && strings.Contains("NMSD", value):
			column = value[0]
		case key == "O" && (value == "A" || value == "D"):
			order = value[0]
		}
	}
	members := f.sorted(dir, column, order)
	var b strings.Builder
	title := "Index of " + html.EscapeString(strings.TrimSuffix(dir.Path, "/"))
	if dir.Path == "/" {
		title = "Index of /"
	}
	b.WriteString(f.doctype() + "<html>\n <head>\n  <title>" + title + "</title>\n </head>\n <body>\n<h1>" + title + "</h1>\n  <table>\n   <tr><th valign=\"top\"><img src=\"/icons/blank.gif\" alt=\"[ICO]\"></th>")
	for _, c := range []struct {
		id   byte
		name string
	}{{'N', "Name"}, {'M', "Last modified"}, {'S', "Size"}, {'D', "Description"}} {
		next := 'A'
		if c.id == column && order == 'A' {
			next = 'D'
		}
		fmt.Fprintf(&b, `<th><a href="?C=%c;O=%c">%s</a></th>`, c.id, next, c.name)
	}
	const rule = "   <tr><th colspan=\"5\"><hr></th></tr>\n"
	b.WriteString("</tr>\n" + rule)
	if dir.Path != "/" {
		parent := dir.Path[:strings.LastIndexByte(strings.TrimSuffix(dir.Path, "/"), '/')+1]
		fmt.Fprintf(&b, "<tr><td valign=\"top\"><img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\"></td><td><a href=\"%s\">Parent Directory</a></td><td>&nbsp;</td><td align=\"right\">  - </td><td>&nbsp;</td></tr>\n", escape(parent))
	}
	for _, e := range members {
		name := html.EscapeString(e.Name())
		href, icon, alt, size := escape(e.Name()), "unknown", "   ", fmt.Sprintf("%3s ", sizeOf(len(e.Body)))
		kind := kinds[e.Type()].name
		switch {
		case e.Dir:
			href, name, icon, alt, size = href+"/", name+"/", "folder", "DIR", "  - "
		case e.Type() == "html" || e.Type() == "pdf":
			icon, alt = "layout", "TXT"
		case strings.HasPrefix(kind, "text/"):
			icon, alt = "text", "TXT"
		case strings.HasPrefix(kind, "image/"):
			icon, alt = "image2", "IMG"
		}
		fmt.Fprintf(&b, "<tr><td valign=\"top\"><img src=\"/icons/%s.gif\" alt=\"[%s]\"></td><td><a href=\"%s\">%s</a></td><td align=\"right\">%s  </td><td align=\"right\">%s</td><td>&nbsp;</td></tr>\n",
			icon, alt, href, name, e.Modified.In(f.options.Zone).Format("2006-01-02 15:04"), size)
	}
	b.WriteString(rule + "</table>\n" + f.signature(x) + "</body></html>\n")
	a := &answer{status: 200, kind: "text/html;charset=UTF-8", body: []byte(b.String()), waiting: waiting}
	a.headers = []app.Field{{Name: "Vary", Value: "Accept-Encoding"}}
	if wantsGzip(x.Request) {
		a.headers = append(a.headers, app.Field{Name: "Content-Encoding", Value: "gzip"})
		a.body = packed(a.body)
	}
	return a
}

// sorted are the members of a directory, other directories first.
func (f *Face) sorted(dir *site.Entry, column, order byte) []*site.Entry {
	var members []*site.Entry
	for _, e := range f.options.Site.Members(dir.Path) {
		if !strings.HasPrefix(e.Name(), ".") {
			members = append(members, e)
		}
	}
	slices.SortStableFunc(members, func(a, b *site.Entry) int {
		result := 0
		switch column {
		case 'M':
			result = a.Modified.Compare(b.Modified)
		case 'S':
			result = len(a.Body) - len(b.Body)
		}
		if result == 0 {
			result = strings.Compare(a.Name(), b.Name())
		}
		if order == 'D' {
			return -result
		}
		return result
	})
	return members
}

// sizeOf is apr_strfsize.
func sizeOf(n int) string {
	if n < 973 {
		return fmt.Sprint(n)
	}
	size := float64(n)
	for _, unit := range "KMGT" {
		size /= 1024
		if size < 9.95 {
			return fmt.Sprintf("%.1f%c", size, unit)
		}
		if size < 973 {
			return fmt.Sprintf("%.0f%c", size, unit)
		}
	}
	return "****"
}
