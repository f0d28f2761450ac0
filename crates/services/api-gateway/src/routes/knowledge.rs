//! Knowledge bases, as OpenAI's vector stores and under Septet's own name.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use septet_contracts::call::segment;
use septet_contracts::knowledge::{
    Deleted, NewVectorStore, NewVectorStoreFile, SearchPage, SearchRequest, VectorStore, VectorStoreChange,
    VectorStoreFile, VectorStoreFileChange,
};
use septet_contracts::management::Permission::{ReadKnowledge, WriteKnowledge};
use septet_contracts::management::{KnowledgeBase, KnowledgeBaseChange, NewKnowledgeBase};
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::ServiceName;
use utoipa_axum::routes;

use crate::access::needs;
use crate::gateway::App;
use crate::route::Routes;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(create), needs(WriteKnowledge))
        .route(routes!(list), needs(ReadKnowledge))
        .route(routes!(show), needs(ReadKnowledge))
        .route(routes!(change), needs(WriteKnowledge))
        .route(routes!(delete), needs(WriteKnowledge))
        .route(routes!(search), needs(ReadKnowledge))
        .route(routes!(attach), needs(WriteKnowledge))
        .route(routes!(files), needs(ReadKnowledge))
        .route(routes!(file), needs(ReadKnowledge))
        .route(routes!(change_file), needs(WriteKnowledge))
        .route(routes!(detach), needs(WriteKnowledge))
        .route(routes!(create_base), needs(WriteKnowledge))
        .route(routes!(bases), needs(ReadKnowledge))
        .route(routes!(base), needs(ReadKnowledge))
        .route(routes!(change_base), needs(WriteKnowledge))
        .route(routes!(delete_base), needs(WriteKnowledge))
}

passes! {
    /// Makes a knowledge base.
    create: post "/v1/vector_stores" => KnowledgeEngine.pass {
        tag = "Vector stores", request_body = NewVectorStore, responses((status = 200, body = VectorStore)) }

    /// Lists the knowledge bases.
    list: get "/v1/vector_stores" => KnowledgeEngine.pass {
        tag = "Vector stores", params(PageQuery), responses((status = 200, body = Page<VectorStore>)) }

    /// A knowledge base, with how many of its files are ready.
    show: get "/v1/vector_stores/{vector_store_id}" => KnowledgeEngine.pass {
        tag = "Vector stores", responses((status = 200, body = VectorStore)) }

    /// Changes a knowledge base.
    change: post "/v1/vector_stores/{vector_store_id}" => KnowledgeEngine.pass {
        tag = "Vector stores", request_body = VectorStoreChange, responses((status = 200, body = VectorStore)) }

    /// Deletes a knowledge base; the files stay.
    delete: delete "/v1/vector_stores/{vector_store_id}" => KnowledgeEngine.pass {
        tag = "Vector stores", responses((status = 200, body = Deleted)) }

    /// Finds the passages that best answer a query.
    search: post "/v1/vector_stores/{vector_store_id}/search" => KnowledgeEngine.pass {
        tag = "Vector stores", request_body = SearchRequest, responses((status = 200, body = SearchPage)) }

    /// Puts a file into a knowledge base; it is read in the background.
    attach: post "/v1/vector_stores/{vector_store_id}/files" => KnowledgeEngine.pass {
        tag = "Vector stores", request_body = NewVectorStoreFile, responses((status = 200, body = VectorStoreFile)) }

    /// Lists the files of a knowledge base.
    files: get "/v1/vector_stores/{vector_store_id}/files" => KnowledgeEngine.pass {
        tag = "Vector stores", params(PageQuery), responses((status = 200, body = Page<VectorStoreFile>)) }

    /// A file of a knowledge base, with how far it is.
    file: get "/v1/vector_stores/{vector_store_id}/files/{file_id}" => KnowledgeEngine.pass {
        tag = "Vector stores", responses((status = 200, body = VectorStoreFile)) }

    /// Replaces the attributes of a file of a knowledge base.
    change_file: post "/v1/vector_stores/{vector_store_id}/files/{file_id}" => KnowledgeEngine.pass {
        tag = "Vector stores", request_body = VectorStoreFileChange, responses((status = 200, body = VectorStoreFile)) }

    /// Takes a file out of a knowledge base; the file stays.
    detach: delete "/v1/vector_stores/{vector_store_id}/files/{file_id}" => KnowledgeEngine.pass {
        tag = "Vector stores", responses((status = 200, body = Deleted)) }

    /// Makes a knowledge base.
    create_base: post "/api/knowledge-bases" => Management.pass_own {
        tag = "Knowledge bases", request_body = NewKnowledgeBase, responses((status = 201, body = KnowledgeBase)) }

    /// Lists the knowledge bases.
    bases: get "/api/knowledge-bases" => Management.pass_own {
        tag = "Knowledge bases", params(PageQuery), responses((status = 200, body = Page<KnowledgeBase>)) }

    /// A knowledge base.
    base: get "/api/knowledge-bases/{id}" => Management.pass_own {
        tag = "Knowledge bases", responses((status = 200, body = KnowledgeBase)) }

    /// Changes a knowledge base.
    change_base: patch "/api/knowledge-bases/{id}" => Management.pass_own {
        tag = "Knowledge bases", request_body = KnowledgeBaseChange, responses((status = 200, body = KnowledgeBase)) }
}

/// Deletes a knowledge base with all its passages; the files stay.
// It goes to the knowledge engine, which owns the passages and tells Management; the other way round they would stay.
#[utoipa::path(delete, path = "/api/knowledge-bases/{id}", tag = "Knowledge bases",
    responses((status = 200, body = Deleted)))]
async fn delete_base(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    app.pass_to(ServiceName::KnowledgeEngine, &format!("/v1/vector_stores/{}", segment(id)), request).await
}
