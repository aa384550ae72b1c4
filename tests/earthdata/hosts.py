"""Names of the hosts that are played."""

CMR = "cmr.earthdata.nasa.gov"
LOGIN = "urs.earthdata.nasa.gov"
DATA = {"LPCLOUD": "data.lpdaac.earthdatacloud.nasa.gov", "NSIDC_CPRD": "data.nsidc.earthdatacloud.nasa.gov"}
"""By provider."""
STORE = "d111111abcdef8.cloudfront.net"
"""Where the providers' signed addresses lead."""
OUTLINES = "raw.githubusercontent.com"
"""Not NASA's: where Natural Earth's outlines of countries lie."""
STRANGER = "evil.example.com"
"""A host that nobody should send credentials to."""
