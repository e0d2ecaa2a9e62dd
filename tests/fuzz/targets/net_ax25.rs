#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_ax25::connection::fuzz::fuzz_ax25_connection(
    std::time::Instant::now(),
    octets
));
