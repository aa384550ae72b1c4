"""NASA's Earthdata on the loopback interface: `server.Earthdata` is a proxy that plays the hosts a client talks to.

Clients use the real addresses and find the server by `HTTPS_PROXY`. It answers `CONNECT host:443`, then speaks TLS on
the same socket as that host, with a certificate that clients trust by `REQUESTS_CA_BUNDLE` and its like. Nothing in a
client knows of tests, and nothing leaves the machine: other hosts are refused and recorded.

What the hosts answer follows NASA's public documentation: the CMR Search API
(https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html) and UMM-G (https://cdn.earthdata.nasa.gov/umm/granule/),
Earthdata Login (https://urs.earthdata.nasa.gov/documentation), the Thin Egress App before the providers' data
(https://tea-docs.asf.alaska.edu), CloudFront's signed URLs, RFC 9110 for byte ranges.
"""
