#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::dhcpv6::fuzz_dhcpv6(octets));
