#![no_main]
libfuzzer_sys::fuzz_target!(
    |octets: &[u8]| wanbox_net_engine::radio::file::fuzz_ax25_routes(octets)
);
