"""Virtual machines: what the libvirt backend is made of."""
