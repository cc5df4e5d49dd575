"""Every endpoint of the Image API."""

from nimbus.api.image import data, images, info, locations, members, patches, schemas, stores, tasks
from nimbus.api.image.metadefs.routes import ROUTES as METADEF_ROUTES
from nimbus.api.kit.routes import Route

PATCH_MEDIA = tuple(sorted(patches.DRAFTS))

# Only the handler knows the image, the rule's target; routes without a rule here are checked by their handlers.
ROUTES = (
    Route('GET', '/', info.choices, None, 300, open=True),
    Route('GET', '/versions', info.versions, None, open=True),
    Route('GET', '/v2/images', images.index, 'get_images'),
    Route('POST', '/v2/images', images.create, None, 201),
    Route('GET', '/v2/images/{id}', images.show, None),
    Route('PATCH', '/v2/images/{id}', patches.update, None, media=PATCH_MEDIA),
    Route('DELETE', '/v2/images/{id}', images.delete, None, 204),
    Route('PUT', '/v2/images/{id}/file', data.upload, None, 204, raw=True),
    Route('GET', '/v2/images/{id}/file', data.download, None),
    Route('PUT', '/v2/images/{id}/stage', data.stage, None, 204, raw=True),
    Route('POST', '/v2/images/{id}/import', data.import_, None, 202),
    Route('POST', '/v2/images/{id}/actions/deactivate', images.deactivate, None, 204),
    Route('POST', '/v2/images/{id}/actions/reactivate', images.reactivate, None, 204),
    Route('PUT', '/v2/images/{id}/tags/{tag}', images.add_tag, None, 204),
    Route('DELETE', '/v2/images/{id}/tags/{tag}', images.remove_tag, None, 204),
    Route('GET', '/v2/images/{id}/tasks', tasks.of_image, None),
    Route('POST', '/v2/images/{id}/locations', locations.create, None, 202),
    Route('GET', '/v2/images/{id}/locations', locations.index, None),
    Route('GET', '/v2/images/{id}/members', members.index, None),
    Route('POST', '/v2/images/{id}/members', members.create, None),
    Route('GET', '/v2/images/{id}/members/{member}', members.show, None),
    Route('PUT', '/v2/images/{id}/members/{member}', members.update, None),
    Route('DELETE', '/v2/images/{id}/members/{member}', members.delete, None, 204),
    Route('GET', '/v2/tasks', tasks.index, 'tasks_api_access'),
    Route('POST', '/v2/tasks', tasks.create, 'tasks_api_access', 201),
    Route('GET', '/v2/tasks/{task}', tasks.show, 'tasks_api_access'),
    Route('GET', '/v2/schemas/image', schemas.image, None),
    Route('GET', '/v2/schemas/images', schemas.images, None),
    Route('GET', '/v2/schemas/member', schemas.member, None),
    Route('GET', '/v2/schemas/members', schemas.members, None),
    Route('GET', '/v2/schemas/task', schemas.task, None),
    Route('GET', '/v2/schemas/tasks', schemas.tasks, None),
    Route('GET', '/v2/info/import', info.import_methods, None),
    Route('GET', '/v2/info/stores', stores.index, None),
    Route('GET', '/v2/info/stores/detail', stores.detail, None),
    Route('DELETE', '/v2/stores/{store}/{image}', stores.delete, None, 204),
    Route('GET', '/v2/info/usage', info.usage, None),
    *METADEF_ROUTES,
)
