"""A window with a password field, of GTK 3 by way of ctypes: runs on a desktop of the small image."""

from ctypes import CDLL, c_char_p, c_int, c_void_p
from typing import Any

gtk = CDLL("libgtk-3.so.0")


def call(name: str, *arguments: Any, returns: Any = None) -> Any:
    function = getattr(gtk, name)
    kinds = {int: c_int, bytes: c_char_p}
    function.argtypes = [kinds.get(type(argument), c_void_p) for argument in arguments]
    function.restype = returns
    return function(*arguments)


def widget(name: str, *arguments: Any) -> c_void_p:
    return c_void_p(call(name, *arguments, returns=c_void_p))


call("gtk_init", None, None)
window, entry = widget("gtk_window_new", 0), widget("gtk_entry_new")
call("gtk_window_set_title", window, b"Log in")
call("gtk_entry_set_visibility", entry, 0)
call("gtk_entry_set_width_chars", entry, 30)
call("gtk_container_add", window, entry)
call("gtk_widget_show_all", window)
call("gtk_main")
