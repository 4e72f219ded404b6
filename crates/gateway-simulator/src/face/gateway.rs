//! The gateway's API, and everything else that nobody answers: the engine knows what to say.

use std::convert::Infallible;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};

use super::{Desk, wire::Wire};
use crate::exchange::{Answer, Method, Request, Response};

pub(super) async fn handle(request: HttpRequest, body: web::Bytes, desk: web::Data<Desk>) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Ok::<Method, Infallible>(method) = request.method().as_str().parse();
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let (handled, received) = desk.with(|engine, now| {
        let request = Request {
            method,
            path_and_query: target,
            authorization: header(header::AUTHORIZATION),
            content_type: header(header::CONTENT_TYPE),
            body: &body,
        };
        (engine.handle(now, &request), now)
    });
    match handled.answer {
        Answer::Reply(response) => whole(response),
        Answer::Lost { .. } => Wire::cut(&request),
        Answer::Truncated { response, sent } => Wire::cut_short(&request, &response, sent),
        Answer::Delayed { by, response } => {
            // From when it was received: the clock may have moved on since.
            desk.clock.wait_until(received + by).await;
            whole(response)
        }
    }
}

fn whole(response: Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    for header in response.headers {
        builder.insert_header(header);
    }
    builder.body(response.body)
}
