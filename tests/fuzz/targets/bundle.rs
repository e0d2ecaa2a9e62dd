#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    wanbox_link::ppp::multilink::fuzz_bundle(std::time::Instant::now(), octets)
});
