"""OSWorld's guest protocol over HTTP, so that its own client drives our desktops (`docs/osworld.md`)."""
