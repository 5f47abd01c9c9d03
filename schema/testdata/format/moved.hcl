moved {
from=decky.a
to = decky.b[ 0 ]
}
import {
id="x"
to=decky.web["a"]
}
