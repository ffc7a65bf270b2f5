"""A session in the forms that other tools take: lines, scripts, films, archives, OSWorld's folders."""
