import numpy as np

from fittingroom.data import ImageSet, contact_sheet, find_dataset


def test_the_sheet_shows_a_class_a_row_in_file_order() -> None:
    image_set = find_dataset("sample").training()
    sheet = np.asarray(contact_sheet(image_set, rows=10, columns=3, scale=1))
    assert sheet.shape == (10 * 29 + 1, 3 * 29 + 1)
    for label in range(10):
        for column, at in enumerate(np.flatnonzero(image_set.labels == label)[:3]):
            top, left = 1 + 29 * label, 1 + 29 * column
            image = sheet[top : top + 28, left : left + 28]
            np.testing.assert_array_equal(image, image_set.images[at])


def test_a_class_with_few_images_leaves_its_row_empty() -> None:
    image_set = ImageSet(
        np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8), np.zeros(1, np.int64)
    )
    sheet = np.asarray(contact_sheet(image_set, rows=2, columns=2, scale=1))
    assert not sheet[1:29, 1:29].any()
    assert (sheet[1:29, 30:] == 255).all()
    assert (sheet[29:] == 255).all()
