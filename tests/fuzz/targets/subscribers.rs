#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    wanbox_l2tpns_engine::subscribers::fuzz_subscribers(octets);
});
