//! Who may ask, and what a browser may do with an answer.
//!
//! The server listens on loopback, but any page in a browser can make that browser ask it. A name that somebody
//! has pointed at 127.0.0.1 comes with its own `Host`; a page from elsewhere comes with its `Origin`, or with
//! `Sec-Fetch-Site`. All of them are turned away.

use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// Why a request is turned away.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub why: &'static str,
}

const fn refuse(status: StatusCode, why: &'static str) -> Result<(), Refusal> {
    Err(Refusal { status, why })
}

/// Whether a request may be answered by the server on this port.
pub fn check<B>(request: &Request<B>, port: u16) -> Result<(), Refusal> {
    if request.method() != Method::GET {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "this server answers GET only");
    }
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let known = |host: &str| hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    let headers = request.headers();
    let asked = request.uri().authority().map(|authority| authority.as_str());
    if !only(headers, &HOST).is_some_and(known) || !asked.is_none_or(known) {
        return refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "this server answers to 127.0.0.1 and localhost only",
        );
    }
    let own = |origin: &str| origin.strip_prefix("http://").is_some_and(known);
    if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(own) {
        return refuse(StatusCode::FORBIDDEN, "this server answers its own pages only");
    }
    let site = HeaderName::from_static("sec-fetch-site");
    let data = request.uri().path().starts_with("/data") || request.uri().path().starts_with("/events");
    let foreign = headers.contains_key(&site)
        && !only(headers, &site).is_some_and(|site| ["same-origin", "none"].contains(&site));
    if data && foreign {
        return refuse(StatusCode::FORBIDDEN, "this server gives data to its own pages only");
    }
    Ok(())
}

/// A header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// Puts what holds for every answer into its headers. `policy` is the page's own.
pub fn secure(headers: &mut HeaderMap, policy: &str) {
    let fixed = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = format!("{policy}; frame-ancestors 'none'");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_turned_away() {
        const OK: u16 = 200;
        // name, method, path, headers, status
        type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], u16);
        let table: [Row; 15] = [
            ("a browser's own request", "GET", "/", &[("host", "127.0.0.1:81")], OK),
            ("by the other name", "GET", "/data", &[("host", "LOCALHOST:81")], OK),
            (
                "its own page",
                "GET",
                "/data",
                &[("host", "127.0.0.1:81"), ("origin", "http://127.0.0.1:81")],
                OK,
            ),
            ("no host", "GET", "/", &[], 421),
            ("another host", "GET", "/", &[("host", "evil.example:81")], 421),
            ("two hosts", "GET", "/", &[("host", "127.0.0.1:81"), ("host", "127.0.0.1:81")], 421),
            ("another port", "GET", "/", &[("host", "127.0.0.1:82")], 421),
            ("no port", "GET", "/", &[("host", "127.0.0.1")], 421),
            (
                "another place in the request line",
                "GET",
                "http://evil.example/",
                &[("host", "127.0.0.1:81")],
                421,
            ),
            (
                "another origin",
                "GET",
                "/data",
                &[("host", "127.0.0.1:81"), ("origin", "http://evil.example")],
                403,
            ),
            ("no origin at all", "GET", "/data", &[("host", "127.0.0.1:81"), ("origin", "null")], 403),
            (
                "an origin like its own",
                "GET",
                "/",
                &[("host", "127.0.0.1:81"), ("origin", "http://127.0.0.1:81.evil")],
                403,
            ),
            (
                "a script element elsewhere",
                "GET",
                "/data",
                &[("host", "127.0.0.1:81"), ("sec-fetch-site", "cross-site")],
                403,
            ),
            (
                "a link elsewhere",
                "GET",
                "/run/x",
                &[("host", "127.0.0.1:81"), ("sec-fetch-site", "cross-site")],
                OK,
            ),
            ("writing", "POST", "/", &[("host", "127.0.0.1:81")], 405),
        ];
        for (name, method, path, headers, expected) in table {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(()).expect("a request");
            let status = check(&request, 81).map_or_else(|refusal| refusal.status.as_u16(), |()| OK);
            assert_eq!(status, expected, "{name}");
        }
    }
}
