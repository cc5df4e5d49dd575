"""What flavors and images wish of a guest, as libvirt describes it."""
