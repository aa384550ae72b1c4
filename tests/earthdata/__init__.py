"""NASA Earthdata on the loopback interface, as its public documentation describes it; tests of it lie beside it."""
