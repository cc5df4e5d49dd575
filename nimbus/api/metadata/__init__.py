"""The metadata API at 169.254.169.254 (EC2 and OpenStack trees), which guests reach through their networks' proxies."""
