#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_engine::route::file::fuzz_route_file(octets));
