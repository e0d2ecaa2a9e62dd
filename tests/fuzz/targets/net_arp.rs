#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_engine::arp::file::fuzz_arp_file(octets));
