use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use futures::{Stream, StreamExt as _};
use zeroize::Zeroizing;

use super::problem::{Kind, Problem};

/// Reads a whole body, bounded in size and in time. The framework bounds the time of the head only: a caller who sends
/// a byte now and then would hold a connection for as long as it likes. What was read is wiped from memory when it is
/// dropped, since it may hold a card.
pub(crate) async fn read(
    mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    bytes_max: usize,
    patience: Duration,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let reading = async {
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = payload.next().await {
            let chunk =
                chunk.map_err(|_| Problem::new(Kind::MalformedBody, "the body could not be read to its end"))?;
            if body.len() + chunk.len() > bytes_max {
                return Err(Problem::new(Kind::BodyTooLarge, format!("a body here has at most {bytes_max} bytes")));
            }
            append(&mut body, &chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(patience, reading).await.unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(Problem::new(Kind::BodyTooSlow, format!("a body must be complete within {seconds} s")))
    })
}

/// A buffer that grows by itself would leave pieces of itself behind.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let length = body.len() + chunk.len();
    if body.capacity() < length {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two()));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

/// Refuses a body that says of itself that it is something else than JSON.
pub(super) fn check_json(request: &HttpRequest) -> Result<(), Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, "send the header Content-Type: application/json"))
}
