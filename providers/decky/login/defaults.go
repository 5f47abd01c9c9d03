package login

type credential struct{ user, password string }

// defaults are logins that devices and images were sold with.
var defaults = []credential{
	{"root", "root"}, {"root", "admin"}, {"root", "123456"}, {"root", "password"}, {"root", "toor"}, {"root", "1234"},
	{"root", "12345"}, {"root", "default"}, {"root", "xc3511"}, {"root", "vizxv"}, {"root", "888888"}, {"root", "xmhdipc"},
	{"admin", "admin"}, {"admin", "password"}, {"admin", "1234"}, {"admin", "admin123"}, {"ubnt", "ubnt"}, {"support", "support"},
	{"user", "user"}, {"guest", "guest"}, {"pi", "raspberry"}, {"oracle", "oracle"}, {"postgres", "postgres"}, {"test", "test"},
}
