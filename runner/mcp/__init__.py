"""Desktops for any MCP client: `deskswarm mcp`."""
